"""The pages that make a monitor: point at data, choose columns and a schedule, check, save, and try it on history.

No step keeps anything of its own: what is read and what is chosen are jobs, and their ids are in the addresses.
"""
