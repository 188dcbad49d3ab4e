"""One training by several processes. Chapter 10.

ranks     who takes which part, and how gradients are added up
meeting   where they find each other, also after a restart
"""
