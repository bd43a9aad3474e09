"""What commands that take Hydra's words have in common."""

__all__ = ["HYDRA_WORDS"]

HYDRA_WORDS = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
