"""The process in which the keys live: its store, what it does when asked, and how one speaks with it.

`audit.keys` is its client; nobody else imports from here, except who makes, rotates or restores a key folder.
"""
