"""The docs are in step with the code: links lead somewhere, the list of errors is whole."""

import re
import subprocess
import sys


def test_the_list_of_errors_is_that_of_the_code(repository, tmp_path):
    before = (repository / "docs" / "errors.md").read_text(encoding="utf-8")
    code = "import list_errors; print(list_errors.page(), end='')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository / "docs", capture_output=True, text=True, check=True
    )
    assert done.stdout == before, "run python docs/list_errors.py"
    assert before.count("| one video |") > 5 and before.count("| setting |") > 30


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def test_every_link_between_pages_leads_somewhere(repository):
    pages = [*(repository / "docs").glob("*.md"), *repository.glob("*.md")]
    wrong = []
    for page in pages:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for link in re.findall(r"\]\((?!https?:)([^)\s]*)\)", text):
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            if not target.exists():
                wrong.append(f"{page.name}: {link}")
            elif anchor:
                headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), flags=re.M)
                if anchor not in map(slug, headings):
                    wrong.append(f"{page.name}: {link}")
    assert wrong == []
