"""Program text -> Skeleton: its structure, with the details masked by `_`."""
