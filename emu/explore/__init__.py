"""Exploring: a program's schedules, one after the other, each from its number; failures replayed, made simple and told.

world.py      one process that plays a whole machine, again and again from one snapshot
"""
