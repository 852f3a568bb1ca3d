"""A stand-in for the provider: a server in its own process that speaks OpenAI's HTTP, and answers as a script tells it.

    python -m tests.upstream --port 0        prints {"port": ...} on its first line

`POST /v1/responses` (streaming, `background`), `GET /v1/responses/{id}?stream=true&starting_after=N`,
`POST /v1/responses/{id}/cancel`, `POST /v1/chat/completions` (streaming).
No Django, no SDK: the other side of the wire.

The script comes from the question itself: a last user message that is JSON, `{"script": [step, ...]}`, or
`{"scripts": [[...], [...]]}` for the first, second, ... call with that same question. `POST /control/script` queues
scripts for a model instead (or for every model), whatever the question is. A question without a script is echoed.

A step is an object; the beginning and the end of a normal answer are added around the steps unless they end it.

    {"text": "a" | ["a", "b"], "rate": deltas a second, "repeat": n}   also "reasoning" and "refusal"
    {"stamps": n, "rate": r, "width": w}    deltas that begin with their time of emission (see `stamp`)
    {"wait": seconds | "forever"}           silence; as the first step, before the status line
    {"gate": name}                          silence until POST /control/open {"gate": name}
    {"status": 429, "headers": {}, "body": ..., "repeat": n}    instead of a stream; a text may come n times
    {"begin": true}                         the events before the first text; else they come with it
    {"headers": {}}                         sends the head of the stream now (they replace the usual ones)
    {"raw": text} | {"base64": bytes}       bytes of the stream as they are
    {"event": {...}}                        any event; its sequence_number is filled in where it is missing
    {"delta": anything}                     a text delta of any type, null for example
    {"huge": bytes, "bare": true}           one delta of that size; without its end, if bare
    {"skip": n}                             moves the next sequence_number on (or back, below zero)
    {"again": true}                         repeats the last event, byte for byte
    {"completed": {"response": {}}} | {"final": text} | {"usage": {...}}   the end as it is told
                                            (`response` replaces parts of it); a final text that differs
    {"failed": {...}} | {"incomplete": reason} | {"error": {...}}
    {"eof": true} | {"truncate": true} | {"reset": true}        ends without an end: cleanly, inside a chunk, by RST
    {"finish": true}                        this connection ends as if all were said; the answer goes on (background)
    {"lost": true, ...}                     what this step sends is lost, for the first who follows
    {"refuse": status, "times": n}          who would resume is refused, n times or for ever
    {"replays": true}                       starting_after is ignored
    {"stubborn": true}                      goes on sending after the client has closed
"""
