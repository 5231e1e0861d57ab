// Verifies the signature of an answer in C++ with libxml2 and libxmlsec1.
#pragma once

#include <libxml/parser.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace seal {

constexpr const char *DS = "http://www.w3.org/2000/09/xmldsig#";
constexpr const char *WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
constexpr const char *WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

using Nodes = std::vector<xmlNodePtr>;
using Document = std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)>;
using Context = std::unique_ptr<xmlSecDSigCtx, decltype(&xmlSecDSigCtxDestroy)>;

inline const xmlChar *chars(const char *text) {
    return reinterpret_cast<const xmlChar *>(text);
}

inline bool start() {
    return xmlSecInit() == 0 && xmlSecCryptoAppInit(nullptr) == 0 && xmlSecCryptoInit() == 0;
}

inline Nodes children(xmlNodePtr parent, const char *name, const char *space) {
    Nodes found;
    for (xmlNodePtr one = xmlSecGetNextElementNode(parent->children); one; one = xmlSecGetNextElementNode(one->next)) {
        if (xmlSecCheckNodeName(one, chars(name), chars(space))) {
            found.push_back(one);
        }
    }
    return found;
}

inline std::string attribute(xmlNodePtr node, const char *name, const char *space = nullptr) {
    std::unique_ptr<xmlChar, void (*)(void *)> text(
        space ? xmlGetNsProp(node, chars(name), chars(space)) : xmlGetNoNsProp(node, chars(name)), xmlFree);
    return text ? reinterpret_cast<const char *>(text.get()) : "";
}

// Only what the house signs with is allowed: the key decides between RSA and ECDSA.
inline Context context(const std::string &certificate) {
    Context made(xmlSecDSigCtxCreate(nullptr), xmlSecDSigCtxDestroy);
    made->signKey = xmlSecCryptoAppKeyLoad(certificate.c_str(), xmlSecKeyDataFormatCertPem, nullptr, nullptr, nullptr);
    for (auto method : {xmlSecTransformRsaSha256Id, xmlSecTransformEcdsaSha256Id, xmlSecTransformSha256Id,
                        xmlSecTransformExclC14NId, xmlSecTransformEnvelopedId}) {
        xmlSecDSigCtxEnableSignatureTransform(made.get(), method);
        xmlSecDSigCtxEnableReferenceTransform(made.get(), method);
    }
    return made;
}

// Whether the message is signed with this certificate (a PEM file) over what its profile says, and unchanged.
inline bool verified(const std::string &raw, const std::string &certificate, const std::string &profile) {
    Document document(xmlReadMemory(raw.data(), static_cast<int>(raw.size()), nullptr, nullptr, XML_PARSE_NONET), xmlFreeDoc);
    xmlNodePtr envelope = document ? xmlDocGetRootElement(document.get()) : nullptr;
    if (!envelope || !envelope->ns) {
        return false;
    }
    const char *soap = reinterpret_cast<const char *>(envelope->ns->href);
    const Nodes headers = children(envelope, "Header", soap), bodies = children(envelope, "Body", soap);
    if (headers.size() != 1 || bodies.size() != 1) {
        return false;
    }
    xmlNodePtr place = headers[0];
    std::set<std::string> expected{""};
    if (profile == "wsse") {
        const Nodes security = children(headers[0], "Security", WSSE);
        const Nodes times = security.size() == 1 ? children(security[0], "Timestamp", WSU) : Nodes{};
        if (times.size() != 1) {
            return false;
        }
        place = security[0];
        expected.clear();
        // Only these two elements can be found by their Id: those that are read.
        for (xmlNodePtr part : {bodies[0], times[0]}) {
            xmlAttrPtr id = xmlHasNsProp(part, chars("Id"), chars(WSU));
            const std::string name = attribute(part, "Id", WSU);
            if (!id || !expected.insert("#" + name).second) {
                return false;
            }
            xmlAddID(nullptr, document.get(), chars(name.c_str()), id);
        }
    }
    const Nodes signatures = children(place, "Signature", DS);
    if (signatures.size() != 1) {
        return false;
    }
    std::set<std::string> found;
    for (xmlNodePtr info : children(signatures[0], "SignedInfo", DS)) {
        for (xmlNodePtr reference : children(info, "Reference", DS)) {
            found.insert(attribute(reference, "URI"));
        }
    }
    const Context made = context(certificate);
    return found == expected && made->signKey && xmlSecDSigCtxVerify(made.get(), signatures[0]) == 0 &&
           made->status == xmlSecDSigStatusSucceeded;
}

}  // namespace seal
