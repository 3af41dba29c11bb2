"""What can go wrong with campaigns and settings: one root, each leaf also the builtin that it is.

CampaignError
├── InvalidSettings (ValueError)     relais.toml or the environment cannot be used
├── AlreadyInitialised (ValueError)  a second `relais init` in one folder
├── UnknownCampaign (LookupError)
├── CampaignExists (ValueError)
├── WrongStatus (ValueError)         what was asked does not go with where the campaign stands
├── InvalidDate (ValueError)         a date that cannot be read, does not exist or is past
├── InvalidSet (ValueError)          a --set that is not name=value
├── UnreadableFile (OSError)         an attachment that is not there or cannot be read
├── TestRefused (RuntimeError)       the relay did not take a test message
├── Unconfirmed (RuntimeError)       a question that nobody is there to answer
├── NoRecipients (ValueError)        nobody is left to write to
├── AudienceChanged (RuntimeError)   who would be written to is not who was shown
└── PreflightFailed (ValueError)     a message would miss a value
"""


class CampaignError(Exception):
    """Root of what the campaigns room raises; its text is one line: the cause, then the remedy."""


class InvalidSettings(CampaignError, ValueError):
    """The settings in relais.toml or the environment cannot be used."""


class AlreadyInitialised(CampaignError, ValueError):
    """The folder holds a Relais already."""


class UnknownCampaign(CampaignError, LookupError):
    """No campaign has this name."""


class CampaignExists(CampaignError, ValueError):
    """Another campaign has this name."""


class WrongStatus(CampaignError, ValueError):
    """What was asked does not go with where the campaign stands."""


class InvalidDate(CampaignError, ValueError):
    """A date cannot be read, does not exist, or is past."""


class InvalidSet(CampaignError, ValueError):
    """A `--set` is not written as name=value."""


class UnreadableFile(CampaignError, OSError):
    """An attachment is not there, or cannot be read."""


class TestRefused(CampaignError, RuntimeError):
    """The relay did not take a test message."""


class Unconfirmed(CampaignError, RuntimeError):
    """A question needs an answer, and nobody is there to give one."""


class NoRecipients(CampaignError, ValueError):
    """Nobody is left to write to."""


class AudienceChanged(CampaignError, RuntimeError):
    """Who would be written to is not who was shown when a person said yes."""


class PreflightFailed(CampaignError, ValueError):
    """Some messages would miss a value, so nothing leaves."""
