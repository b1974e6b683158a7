"""A package, so that its fixtures of that scope end with it: where Playwright is, asyncio is not."""
