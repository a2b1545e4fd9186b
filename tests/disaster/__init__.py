"""Disasters: a real gateway under a real load is killed again and again, and must keep every promise.

``gateways`` starts and kills, ``load`` is the outside world and its memory, ``deeds`` is what officers do meanwhile and
what must survive their end too; ``verdict`` holds that memory against the store and the log, ``trail`` the log against
itself. ``python -m tests.disaster --kills 500 --database postgresql`` does so for as long as you like.

``python -m tests.disaster.log`` kills faster, and only who works on the log (``victim``); ``promises`` holds what
that one told against the database.
"""
