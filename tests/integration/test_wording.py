"""What an officer reads of a query: one French sentence that says whom it means."""

import pytest
from sqlalchemy import Engine

from audiences.database import reading
from campaigns.queries import describe_past, read_query
from campaigns.settings import Settings
from tests.factories import NOW
from tests.small_chamber import settings, store

__all__ = ["settings", "store"]  # fixtures

EVERYBODY = "entreprises et porteurs de projet"
BUT = "toutes les entreprises et tous les porteurs de projet, sauf ceux"
AID, WORK = "« Aides financières »", "« Chômage »"

SENTENCES = {
    # the sample of the design
    'epci:(CUA OR CALL) AND request:(nature:"aides financieres" AND requested:[2020-03-17 TO 2020-04-30]) AND NOT received:info-cua': (
        f"entreprises de la CUA ou de la CALL dont une demande porte sur {AID}, reçue du 17/03/2020 au 30/04/2020, "
        "sauf celles qui ont reçu « info-cua »"
    ),
    # everything, and all but something
    "*:*": "toute la base",
    "*:* AND epci:CUA": "entreprises de la CUA",
    "NOT sector:hcr": f"{BUT} du secteur « Hôtels, cafés, restaurants »",
    "NOT *:*": f"{BUT} qui sont dans la base",
    "*:* NOT tag:vip NOT bounced:*": (
        f"{BUT} qui portent l’étiquette « vip », et sauf ceux dont l’adresse a rejeté une campagne"
    ),
    # each field: a value, several, any, none
    "epci:Ternois": "entreprises de l’EPCI Ternois",
    "epci:C*": "entreprises de l’EPCI C*",
    "epci:*": "entreprises dont l’EPCI est connu",
    "NOT epci:*": f"{BUT} dont l’EPCI est connu",
    "territory:in": "entreprises du territoire",
    "territory:(hors OR inconnu)": "entreprises hors du territoire ou sans commune connue",
    "commune:(arras OR lens)": "entreprises à Arras ou à Lens",
    "commune:Le\\ Touquet-Paris-Plage": "entreprises au Touquet-Paris-Plage",
    "department:62": "entreprises du département 62 (Pas-de-Calais)",
    "cp:62*": "entreprises de code postal 62…",
    "cp:[62000 TO 62300]": "entreprises de code postal 62000 à 62300",
    "sector:industrie": "entreprises du secteur « Industrie »",
    "naf:56.10C": "entreprises de code NAF 56.10C (Restauration de type rapide)",
    "naf:56": "entreprises de code NAF 56 (Restauration)",
    "headcount:12": "entreprises de 12 salariés",
    "headcount:[10 TO 49]": "entreprises de 10 à 49 salariés",
    "headcount:>=50": "entreprises de 50 salariés ou plus",
    "headcount:<50": "entreprises de 49 salariés ou moins",
    "headcount:<=1": "entreprises de 1 salarié ou moins",
    "headcount:*": "entreprises dont l’effectif est connu",
    "name:boulang*": "entreprises dont le nom contient « boulang* »",
    "siret:90000001900019": "entreprises de SIRET 90000001900019",
    "siren:900000019": "entreprises de SIREN 900000019",
    "tag:VIP": f"{EVERYBODY} qui portent l’étiquette « vip »",
    "tag:*": f"{EVERYBODY} qui portent une étiquette",
    "kind:particulier": f"{EVERYBODY} dont l’adresse est celle d’un particulier",
    "domain:*.org": f"{EVERYBODY} dont l’adresse est chez « *.org »",
    "received:info-cua": f"{EVERYBODY} qui ont reçu « info-cua »",
    "received:*": f"{EVERYBODY} qui ont reçu une campagne",
    "bounced:info-cua": f"{EVERYBODY} dont l’adresse a rejeté « info-cua »",
    "nature:(chomage OR autre)": f"{EVERYBODY} dont une demande porte sur {WORK} ou sur « Autre »",
    "nature:Aides*": f"{EVERYBODY} dont une demande porte sur « Aides* »",
    'channel:"appel cci"': f"{EVERYBODY} dont une demande est arrivée par « Appel CCI »",
    "topic:fonds*": f"{EVERYBODY} dont une demande concerne « fonds* »",
    "adviser:lambert": f"{EVERYBODY} dont une demande est suivie par « Lambert »",
    "nature:*": f"{EVERYBODY} dont une demande a une nature connue",
    "requested:*": f"{EVERYBODY} qui ont fait une demande",
    # days
    "requested:2020-03-17": f"{EVERYBODY} dont une demande a été reçue le 17/03/2020",
    "requested:2020-03": f"{EVERYBODY} dont une demande a été reçue en mars 2020",
    "requested:2020": f"{EVERYBODY} dont une demande a été reçue en 2020",
    "requested:>=2020-03": f"{EVERYBODY} dont une demande a été reçue à partir du 01/03/2020",
    "requested:<2020-03": f"{EVERYBODY} dont une demande a été reçue jusqu’au 29/02/2020",
    "requested:[now-30d TO now]": (
        f"{EVERYBODY} dont une demande a été reçue du 02/03/2020 (il y a 30 jours) au 01/04/2020 (aujourd’hui)"
    ),
    # requests: the same one, or any
    'epci:CUA nature:"Aides financières" requested:2020-03': (
        f"entreprises de la CUA dont une demande porte sur {AID}, "
        "et dont une demande (la même ou une autre) a été reçue en mars 2020"
    ),
    "NOT nature:chomage": f"{BUT} dont une demande porte sur {WORK}",
    "NOT request:(nature:chomage requested:2020-03)": f"{BUT} dont une demande porte sur {WORK}, reçue en mars 2020",
    "request:(nature:chomage AND NOT channel:Appel*)": (
        f"{EVERYBODY} dont une même demande porte sur {WORK} et n’est pas arrivée par « Appel* »"
    ),
    "request:(nature:chomage OR (channel:Appel* adviser:lambert))": (
        f"{EVERYBODY} dont une même demande porte sur {WORK} ou (est arrivée par « Appel* » et est suivie par « Lambert »)"
    ),
    "request:*": f"{EVERYBODY} qui ont fait une demande",
    # parentheses, OR of several fields, NOT below
    "epci:CUA OR nature:chomage": f"{EVERYBODY} qui sont de la CUA ou dont une demande porte sur {WORK}",
    "(epci:CUA AND nature:chomage) OR epci:CAHC": (
        f"entreprises (qui sont de la CUA et dont une demande porte sur {WORK}) ou qui sont de la CAHC"
    ),
    "epci:CUA AND (nature:chomage OR headcount:>=50)": (
        f"entreprises de la CUA, et (dont une demande porte sur {WORK} ou qui ont 50 salariés ou plus)"
    ),
    "epci:CUA AND NOT (sector:hcr AND requested:2020-03)": (
        "entreprises de la CUA, sauf celles qui sont du secteur « Hôtels, cafés, restaurants » "
        "et dont une demande a été reçue en mars 2020"
    ),
    "NOT (epci:CUA OR nature:chomage)": f"{BUT} qui sont de la CUA ou dont une demande porte sur {WORK}",
    "NOT epci:(CUA OR CALL) territory:in": "entreprises du territoire, sauf celles de la CUA ou de la CALL",
    "tag:vip OR NOT epci:(CUA OR CALL)": (
        f"{EVERYBODY} qui portent l’étiquette « vip » ou qui ne sont ni de la CUA ni de la CALL"
    ),
    "tag:vip OR NOT (epci:CUA AND nature:chomage)": (
        f"{EVERYBODY} qui portent l’étiquette « vip » ou (qui ne sont pas de la CUA ou "
        f"qui n’ont aucune demande portant sur {WORK})"
    ),
    "tag:vip OR NOT received:*": f"{EVERYBODY} qui portent l’étiquette « vip » ou qui n’ont reçu aucune campagne",
    "tag:vip OR NOT requested:*": f"{EVERYBODY} qui portent l’étiquette « vip » ou qui n’ont fait aucune demande",
    "tag:vip OR NOT NOT epci:CUA": f"{EVERYBODY} qui portent l’étiquette « vip » ou qui sont de la CUA",
    # saved audiences
    "audience:cua": "entreprises de l’audience « cua » (entreprises de la CUA)",
    "audience:cua-sans-vip NOT nature:chomage": (
        "entreprises de l’audience « cua-sans-vip » (entreprises de l’audience « cua » (entreprises de la CUA), "
        f"sauf celles qui portent l’étiquette « vip »), sauf celles dont une demande porte sur {WORK}"
    ),
    "tag:vip OR audience:cua": (
        f"{EVERYBODY} qui portent l’étiquette « vip » ou qui font partie de l’audience « cua » (entreprises de la CUA)"
    ),
    "epci:CALL OR NOT audience:cua": (
        f"{EVERYBODY} qui sont de la CALL ou qui ne font pas partie de l’audience « cua » (entreprises de la CUA)"
    ),
}


@pytest.mark.parametrize("query", SENTENCES)
def test_the_sentence(store: Engine, settings: Settings, query: str):
    with reading(store) as session:
        sentence = read_query(session, query, settings, now=NOW).in_french
    assert sentence == SENTENCES[query].replace("« ", "«\u202f").replace(" »", "\u202f»")


def test_a_past_query_that_names_what_is_gone_has_no_sentence(store: Engine, settings: Settings):
    with reading(store) as session:
        assert describe_past(session, "epci:CUA", settings, at=NOW) == "entreprises de la CUA"
        assert describe_past(session, "tag:disparue", settings, at=NOW) is None
