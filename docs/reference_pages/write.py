"""Write the reference pages; ``docs/conf.py`` calls it at each build."""

from pathlib import Path

from reference_pages import commands, flags, http, python, settings, tables


def render_pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    return {
        "commands.md": commands.render(),
        "recipe.md": settings.render_recipe(),
        "keys.md": settings.render_others(),
        "tables.md": tables.render(),
        "flags.md": flags.render(),
        "http-api.md": http.render(),
        **{f"{name}.rst": text for name, text in python.pages()},
    }


def write_pages(folder: Path) -> None:
    """Write every page that changed, so that an unchanged one is not read again by Sphinx."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in render_pages().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
