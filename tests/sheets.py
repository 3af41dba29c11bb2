"""Two small sheets, of contacts and of requests, that several tests import."""

CUA, CALL = "200033579", "246200364"
SIRET, OTHER_SIRET = "90000001900019", "90000001900027"

CONTACTS = f"""
    Entreprise;SIRET;NAF;Effectif;Code postal;Commune;Courriel;Prénom;Nom;Étiquettes;Opposition
    Café de la Gare;{SIRET};56.30Z;1 à 2;62000;Arras;contact@cafe.example.org;Anne;Leroy;vip, export;
    Garage Dubois;;45.20A;12;62300;LENS;paul@garage.example.org;Paul;Dubois;;
    Garage Dubois;;45.20A;12;62300;LENS;info@garage.example.org;;;;oui
    Sans adresse;;;;62000;Arras;;;;;
    ;;;;;;projet@example.org;Zoé;Petit;porteur de projet;
"""
REQUESTS = f"""
    N°;Date;Canal;Nature;Dispositif;Conseiller;Entreprise;SIRET;Code postal;Commune;Courriel
    1;17/03/2020;Appel CCI;Chômage;;Lambert;Café de la Gare;{SIRET};62000;Arras;contact@cafe.example.org
    2;18/03/2020;Mail COVID-19;Aides financières;Fonds;Lambert;Nouvelle;;62300;Lens;n@nouvelle.example.org
    3;18/03/2020;Autre mail;Autre;;Lambert;;;;;projet@example.org
"""
