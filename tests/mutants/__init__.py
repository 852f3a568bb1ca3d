"""Proof that the tests bite: each mutant takes one mechanism out of a copy of the tree, and named tests must fail.

    python -m tests.mutants            every mutant, as a table
    python -m tests.mutants cursor     those with the word in their name

A mutant that survives, or whose place in the code is not found any more, is an error.
"""
