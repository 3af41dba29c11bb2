"""An invented recipient to look at a template with."""


def preview_recipient() -> dict[str, dict[str, str]]:
    """Give a synthetic recipient with every field filled in, as `Renderer.render` takes it."""
    return {
        "contact": {
            "civility": "Mme",
            "given_name": "Camille",
            "family_name": "Lefebvre",
            "address": "camille.lefebvre@example.org",
            "role": "Gérante",
        },
        "company": {
            "name": "Boulangerie Lefebvre",
            "siret": "00000000000000",
            "commune": "Arras",
            "epci": "CUA",
            "naf": "10.71C",
        },
        "links": {"unsubscribe": "mailto:desinscription@example.org?subject=desinscription"},
        "campaign": {"name": "Aperçu"},
    }
