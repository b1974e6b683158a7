"""A package, so that its fixtures end with it: where Playwright is, nobody else has asyncio."""
