"""Another vendor's distribution, `agentops`, brings a package of this very name. Both in one place make a mixture."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def refuse_mixture(package: Path) -> None:
    """Raises ImportError when the other vendor's files lie in this package's directory."""
    try:
        other = distribution("agentops")
    except PackageNotFoundError:
        return
    if Path(str(other.locate_file("agentops"))).resolve() == package.resolve():
        raise ImportError(
            f"The distributions agentops-client and agentops {other.version} (by another vendor) are installed into the"
            f" same directory, {package}, and overwrite each other's files. Keep one of them in an environment:"
            " `pip uninstall agentops agentops-client`, then `pip install agentops-client`."
        )
