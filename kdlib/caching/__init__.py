"""A teacher's answers, asked for once and kept in files. Chapters 04 and 10.

teacher_cache  in one file, for each of a few views
shards         in many, for more than memory holds
"""
