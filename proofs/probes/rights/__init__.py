"""Effective privileges: who can do what to which object, and by which path.

`tables` collects what both engines store (or `shown` what SHOW GRANTS tells, where the tables are out of reach),
`sessions` says what one session holds by it, `paths` who can do something in the end, `serverwide` the powers over the
server as a whole. Nothing here touches a target but through the `SqlChannel` it is given.
"""
