// gSOAP with what wsdl2h and soapcpp2 make of the one-port WSDL; seal.hpp verifies the signature. Compiled with NSMAP and
// PROXY_HEADER (files that soapcpp2 makes), PROXY (its class), and SEARCHES where that is agreed.
// Usage: client SERVICE CA PEM SIGNING PROFILE PURPOSE KENNUNG EPOCHE CODELISTE NAME BORN; one line of JSON per call.
#include NSMAP
#include "seal.hpp"
#include PROXY_HEADER

#include <cstdio>
#include <iostream>

namespace {

using Texts = std::vector<std::string>;

const char *const NAME = "Ḫaṭṭābī K\u035fhān M\u0302";

// JSON takes UTF-8 as it is.
std::string quoted(const std::string &text) {
    std::string out = "\"";
    for (const char letter : text) {
        if (letter == '"' || letter == '\\') {
            out += '\\';
        }
        out += letter;
    }
    return out + "\"";
}

// Mandatory texts are strings, optional ones pointers to strings.
const std::string &content(const std::string &text) {
    return text;
}

std::string content(const std::string *text) {
    return text ? *text : "";
}

// gSOAP calls this to receive; what came is kept, HTTP header and all.
std::string received;
size_t (*receive)(struct soap *, char *, size_t);

size_t keep(struct soap *soap, char *buffer, size_t most) {
    const size_t count = receive(soap, buffer, most);
    received.append(buffer, count);
    return count;
}

class Client {
  public:
    explicit Client(char **given) : given_(given), proxy_(given[1], SOAP_C_UTFSTRING | SOAP_IO_KEEPALIVE) {
        soap_ssl_init();
        if (soap_ssl_client_context(proxy_.soap, SOAP_SSL_DEFAULT, given[3], nullptr, given[2], nullptr, nullptr)) {
            proxy_.soap_stream_fault(std::cerr);
            std::exit(2);
        }
        receive = proxy_.soap->frecv;
        proxy_.soap->frecv = keep;
    }

    // Before each call: gSOAP replaces the header by the answer's.
    PROXY &asking() {
        proxy_.destroy();
        received.clear();
        auto *context = soap_new_ns1__Abrufkontext(proxy_.soap);
        context->kennung = NAME;
        context->verwendungszweck = given_[6];
        context->aktenzeichen = text("AZ 1");
        proxy_.soap_header(context, nullptr);
        return proxy_;
    }

    std::string *text(const std::string &value) {
        std::string *made = soap_new_std__string(proxy_.soap);
        *made = value;
        return made;
    }

    void tell(const char *operation, int status, const Texts &read) {
        std::string line = std::string("{\"operation\":\"") + operation + "\"";
        Texts told = read;
        if (status == SOAP_OK) {
            line += ",\"protokollnummer\":" + quoted(proxy_.soap->header->ns1__quittung->protokollnummer);
        } else if (proxy_.soap->fault && proxy_.soap->fault->detail && proxy_.soap->fault->detail->ns1__fehler) {
            line += ",\"fault\":" + quoted(proxy_.soap->fault->detail->ns1__fehler->code);
            told = proxy_.soap->fault->detail->ns1__fehler->befund;
        } else {
            proxy_.soap_stream_fault(std::cerr);
            std::exit(3);
        }
        line += ",\"read\":[";
        for (size_t index = 0; index < told.size(); index++) {
            line += (index ? "," : "") + quoted(told[index]);
        }
        const std::string raw = received.substr(received.find("\r\n\r\n") + 4);
        line += std::string("],\"verified\":") + (seal::verified(raw, given_[4], given_[5]) ? "true" : "false");
        std::puts((line + "}").c_str());
    }

    void person(const std::string &kennung) {
        _ns1__personAbrufen asked;
        _ns1__personAbrufenResponse answer;
        asked.personenkennung = kennung;
        const int status = asking().personAbrufen(&asked, answer);
        tell("personAbrufen", status, status ? Texts{} : Texts{content(answer.person->familienname)});
    }

    void stock(int *size) {
        _ns1__bestandAbrufen asked;
        _ns1__bestandAbrufenResponse answer;
        asked.anzahl = size;
        const int status = asking().bestandAbrufen(&asked, answer);
        Texts read;
        for (const auto *person : answer.person) {
            read.push_back(size ? content(person->personenkennung) : content(person->familienname));
        }
        tell("bestandAbrufen", status, read);
    }

#ifdef SEARCHES
    void search(const std::string &name, std::string *given, std::string *born) {
        _ns1__personSuchen asked;
        _ns1__personSuchenResponse answer;
        asked.familienname = name;
        asked.vornamen = given;
        asked.geburtsdatum = born;
        const int status = asking().personSuchen(&asked, answer);
        Texts read;
        if (born) {
            read.push_back(answer.ergebnisstatus);
        } else if (answer.person) {
            read.push_back(content(answer.person->familienname));
        }
        tell("personSuchen", status, read);
    }

    void report(const std::string &kennung) {
        _ns1__unstimmigkeitMelden report;
        _ns1__unstimmigkeitMeldenResponse number;
        report.personenkennung = kennung;
        report.beschreibung = NAME;
        const int status = asking().unstimmigkeitMelden(&report, number);
        tell("unstimmigkeitMelden", status, {number.meldungsnummer});
    }
#endif

    void run() {
        _ns1__dienstauskunft service;
        _ns1__dienstauskunftResponse said;
        int status = asking().dienstauskunft(&service, said);
        tell("dienstauskunft", status, said.operation);
        person(given_[7]);
        int one = 1, five = 5;
        stock(nullptr);
        stock(&one);
        _ns1__aenderungenAbrufen more;
        _ns1__aenderungenAbrufenResponse changes;
        more.anzahl = &five;
        status = asking().aenderungenAbrufen(&more, changes);
        tell("aenderungenAbrufen", status, {std::to_string(changes.letzteLaufnummer)});
        _ns1__aenderungenQuittieren done;
        _ns1__aenderungenQuittierenResponse until;
        done.bis = 0;
        done.epoche = given_[8];
        status = asking().aenderungenQuittieren(&done, until);
        tell("aenderungenQuittieren", status, {std::to_string(until.quittiertBis)});
        _ns1__codelisteAbrufen list;
        _ns1__codelisteAbrufenResponse codes;
        list.codeliste = given_[9];
        status = asking().codelisteAbrufen(&list, codes);
        Texts labels;
        for (const auto *entry : codes.eintrag) {
            labels.push_back(entry->bezeichnung);
        }
        tell("codelisteAbrufen", status, labels);
        person("ffffffff-ffff-4fff-8fff-ffffffffffff");
        person(NAME);
#ifdef SEARCHES
        std::string born = given_[11], nobody = "Niemand";
        search(given_[10], nullptr, &born);
        search(NAME, &nobody, nullptr);
        report(given_[7]);
#endif
    }

  private:
    char **given_;
    PROXY proxy_;
};

}  // namespace

int main(int count, char **given) {
    if (count < 12 || !seal::start()) {
        return 1;
    }
    Client(given).run();
    return 0;
}
