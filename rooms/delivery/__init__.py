"""Delivery: from a commit to every client of every process, and each client's own way through the log.

`publisher` sends what was committed to the channel layer. `hub` hears it there, once for the process, and offers it to
the subscriptions of the room. `subscription` is one client's place in the log: a level one writes what comes as it is,
any other reads from the log. `client` is what all of them need to know of whoever holds a subscription. `html_cache`
(with `message_html`) follows with HTML, `presence` (with `roster`) tells who is here, `window` bounds what is under
way.
"""
