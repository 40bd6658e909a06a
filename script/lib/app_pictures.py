# ruff: noqa: INP001 - a script
"""Make the app's icon and logo from those of the integration.

Run by hand after a change of the brand, with any Python that has Pillow:
python script/lib/app_pictures.py
"""

from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
BRAND = ROOT / "custom_components/homestash/brand"
APP = ROOT / "addon"

# What the Supervisor's documentation asks for: 128 x 128, and about 100 high.
ICON_SIZE = (128, 128)
LOGO_HEIGHT = 100

# Behind the house the name begins (pixels of logo@2x.png).
NAME_LEFT = 260
# The house's own colour can be read on white and on black; the name's cannot, and there is only one logo for both.
NAME_COLOUR = (14, 124, 134)


def main() -> None:
    """Write both pictures."""
    with Image.open(BRAND / "icon@2x.png") as icon:
        icon.resize(ICON_SIZE, Image.Resampling.LANCZOS).save(
            APP / "icon.png", optimize=True
        )
    with Image.open(BRAND / "logo@2x.png") as picture:
        logo = picture.convert("RGBA")
    name_box = (NAME_LEFT, 0, *logo.size)
    name = logo.crop(name_box)
    coloured = Image.new("RGBA", name.size, (*NAME_COLOUR, 0))
    coloured.putalpha(name.getchannel("A"))
    logo.paste(coloured, name_box)
    width = round(logo.width * LOGO_HEIGHT / logo.height)
    logo.resize((width, LOGO_HEIGHT), Image.Resampling.LANCZOS).save(
        APP / "logo.png", optimize=True
    )


main()
