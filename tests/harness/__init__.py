"""What the end-to-end tests stand on: real processes, real sockets, a real browser. One subject per module.

`processes` starts and kills · `upstream` the scripted provider · `server` chatlab itself · `people` members and rooms
over HTTP · `tab` a client that does what the protocol asks of one · `raw` bytes that no proper client sends ·
`database` what is stored · `dump` all of it, to be put back · `browser` Chromium · `wire` one that can be pulled ·
`waiting` bounded waits on conditions · `worker` and `stage` workers in processes of their own · `postgres`, `redis`
started from their `programs`.
What `manage.py drill` needs as well stands in rooms/drill; the modules here add what only a test wants.
"""
