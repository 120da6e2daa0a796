"""Read this to trust the promise: a message is accepted once, nothing is lost in silence, stop means stop.

In reading order: `events` (what is remembered), `keys` (what a message is), `state` (what the events mean),
`verdict` (what an answer means), `decide` (may this call begin), `attempt` (the one way to make it).
Pure but for two ports, `EventLog` and `MassApi`. Reasons are codes; their words are made elsewhere.
"""
