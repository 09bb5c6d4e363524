"""Funnels: how many users take steps one after another, and how long it takes them.

What a funnel is, how it is declared in a file, and how it is counted over events.
"""
