using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography.Xml;
using System.Xml;

/// <summary>.NET's own SignedXml on both profiles.</summary>
static class Seal
{
    const string Wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    const string Wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    const string RsaSha256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

    /// <summary>
    /// Whether the message is signed with this certificate over what the profile says, and unchanged.
    /// Mono has no elliptic curves (NotSupportedException); .NET on Windows has, with a SignatureDescription of one's own.
    /// </summary>
    public static bool Holds(byte[] raw, X509Certificate2 certificate, string profile)
    {
        var key = certificate.PublicKey.Key;
        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        document.Load(new MemoryStream(raw));
        var signatures = document.GetElementsByTagName("Signature", SignedXml.XmlDsigNamespaceUrl);
        if (signatures.Count != 1)
        {
            return false;
        }
        var parts = profile == "wsse" ? Parts(document) : new XmlElement[0];
        if (profile == "wsse" && parts.Length != 2)
        {
            return false;
        }
        var signed = new Message(document, parts);
        signed.LoadXml((XmlElement)signatures[0]);
        if (signed.SignedInfo.SignatureMethod != RsaSha256)
        {
            return false;
        }
        var expected = profile == "wsse" ? parts.Select(one => "#" + one.GetAttribute("Id", Wsu)) : new[] { "" };
        var found = signed.SignedInfo.References.Cast<Reference>().Select(one => one.Uri);
        return found.OrderBy(one => one).SequenceEqual(expected.OrderBy(one => one)) && signed.CheckSignature(key);
    }

    /// <summary>The one Body and the one Timestamp where they must stand; those that are read are those that are verified.</summary>
    static XmlElement[] Parts(XmlDocument document)
    {
        var envelope = document.DocumentElement;
        var body = Children(envelope, "Body", envelope.NamespaceURI);
        var timestamp = Children(envelope, "Header", envelope.NamespaceURI)
            .SelectMany(header => Children(header, "Security", Wsse))
            .SelectMany(security => Children(security, "Timestamp", Wsu));
        return body.Concat(timestamp).ToArray();
    }

    static IEnumerable<XmlElement> Children(XmlElement parent, string name, string space)
    {
        return parent.ChildNodes.OfType<XmlElement>().Where(one => one.LocalName == name && one.NamespaceURI == space);
    }

    /// <summary>SignedXml finds elements by an attribute Id of its own; WS-Security has wsu:Id.</summary>
    sealed class Message : SignedXml
    {
        readonly XmlElement[] parts;

        public Message(XmlDocument document, XmlElement[] parts) : base(document)
        {
            this.parts = parts;
        }

        public override XmlElement GetIdElement(XmlDocument document, string id)
        {
            return parts.SingleOrDefault(one => one.GetAttribute("Id", Wsu) == id);
        }
    }
}
