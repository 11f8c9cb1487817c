"""What the cases do with a student's object, in the process where it lives.

These are functions and modules that a judge names from outside; nothing here knows what is right.
"""
