"""The ledger in use: an assignment divided over orders, what changes with it, how an order stands, who is involved.

What is decided stands in pure modules (``division``, ``cascade``, ``standing``, ``involved``, ``referral``), on the
same folds that judge messages; ``office`` is the shell around them, ``numbers`` the SQL.
"""
