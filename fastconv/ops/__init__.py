"""Every operation, forward beside its gradient."""

__all__: list[str] = []
