using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Reflection;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Web.Script.Serialization;
using System.Web.Services.Protocols;
using System.Xml.Serialization;

/// <summary>
/// .NET's old web service client with the classes that Mono's wsdl.exe makes of the WSDL.
/// Usage: Client task.json; one line of JSON per call goes to standard output.
/// </summary>
static class Client
{
    static readonly JavaScriptSerializer Json = new JavaScriptSerializer { MaxJsonLength = int.MaxValue };
    static readonly UTF8Encoding Utf8 = new UTF8Encoding(false);

    static int Main(string[] arguments)
    {
        var task = Json.Deserialize<Dictionary<string, object>>(File.ReadAllText(arguments[0]));
        var proxy = Proxy(task);
        using (var output = new StreamWriter(Console.OpenStandardOutput(), Utf8))
        {
            foreach (Dictionary<string, object> call in (ArrayList)task["calls"])
            {
                output.WriteLine(Json.Serialize(Call(proxy, task, call)));
            }
        }
        return 0;
    }

    /// <summary>The generated class, over mutual TLS.</summary>
    static SoapHttpClientProtocol Proxy(Dictionary<string, object> task)
    {
        var ca = new X509Certificate2((string)task["ca"]);
        ServicePointManager.SecurityProtocol = SecurityProtocolType.Tls12;
        ServicePointManager.ServerCertificateValidationCallback = (sender, certificate, chain, errors) =>
        {
            // .NET of this age has no list of own authorities: the name is its check, the chain to ours a chain of our own.
            bool named = (errors & (SslPolicyErrors.RemoteCertificateNameMismatch | SslPolicyErrors.RemoteCertificateNotAvailable)) == 0;
            var own = new X509Chain();
            own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            own.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
            own.ChainPolicy.ExtraStore.Add(ca);
            bool holds = certificate != null && own.Build(new X509Certificate2(certificate));
            return named && holds && own.ChainElements.Cast<X509ChainElement>().Last().Certificate.Equals(ca);
        };
        var type = Assembly.GetExecutingAssembly().GetTypes().Single(one => one.IsSubclassOf(typeof(SoapHttpClientProtocol)));
        var proxy = (SoapHttpClientProtocol)Activator.CreateInstance(type);
        proxy.Url = (string)task["service"];
        proxy.ClientCertificates.Add(new X509Certificate2((string)task["pkcs12"], "geheim"));
        return proxy;
    }

    static Dictionary<string, object> Call(SoapHttpClientProtocol proxy, Dictionary<string, object> task, Dictionary<string, object> call)
    {
        var operation = (string)call["operation"];
        var method = proxy.GetType().GetMethod(operation);
        var given = (Dictionary<string, object>)call["parameters"];
        var parameters = method.GetParameters();
        var values = parameters.Select(one => Value(one, given)).ToArray();
        var said = new Dictionary<string, object> { { "operation", operation } };
        Set(proxy, "abrufkontext", Context(proxy, (Dictionary<string, object>)task["context"]));
        try
        {
            var result = method.Invoke(proxy, values);
            var told = new Dictionary<string, object> { { ReturnName(method), result } };
            for (int index = 0; index < parameters.Length; index++)
            {
                if (parameters[index].IsOut)
                {
                    told[parameters[index].Name] = values[index];
                }
            }
            var path = ((string)call["read"]).Split('/');
            said["protokollnummer"] = Get(Get(proxy, "quittung"), "protokollnummer");
            said["read"] = Read(told[path[0]], path.Skip(1).ToArray()).ToArray();
        }
        catch (TargetInvocationException thrown) when (thrown.InnerException is SoapException)
        {
            // wsdl.exe makes a class of the header and of no fault's detail: the serializer reads it with one line.
            var detail = ((SoapException)thrown.InnerException).Detail["fehler", (string)task["namespace"]];
            said["fault"] = detail["code"].InnerText;
            said["read"] = detail.ChildNodes.Cast<System.Xml.XmlNode>().Where(one => one.LocalName == "befund").Select(one => one.InnerText).ToArray();
        }
        said["verified"] = Seal.Holds(Keeping.Answer, new X509Certificate2((string)task["signing"]), (string)task["profile"]);
        return said;
    }

    static object Context(object proxy, Dictionary<string, object> texts)
    {
        var context = Activator.CreateInstance(proxy.GetType().GetProperty("abrufkontext").PropertyType);
        foreach (var one in texts)
        {
            Set(context, one.Key, one.Value);
        }
        return context;
    }

    /// <summary>A parameter of the call; an optional number has a second one that says whether it is there.</summary>
    static object Value(ParameterInfo parameter, Dictionary<string, object> given)
    {
        const string Specified = "Specified";
        if (parameter.IsOut)
        {
            return null;
        }
        if (parameter.Name.EndsWith(Specified))
        {
            return given.ContainsKey(parameter.Name.Substring(0, parameter.Name.Length - Specified.Length));
        }
        object value;
        return given.TryGetValue(parameter.Name, out value) ? Convert.ChangeType(value, parameter.ParameterType, CultureInfo.InvariantCulture) : null;
    }

    static string ReturnName(MethodInfo method)
    {
        return ((XmlElementAttribute)method.ReturnParameter.GetCustomAttributes(typeof(XmlElementAttribute), false)[0]).ElementName;
    }

    /// <summary>The texts at a path of names, through arrays.</summary>
    static IEnumerable<string> Read(object value, string[] path)
    {
        if (value is Array)
        {
            return ((Array)value).Cast<object>().SelectMany(item => Read(item, path));
        }
        if (value == null)
        {
            return new string[0];
        }
        return path.Length == 0 ? new[] { Convert.ToString(value, CultureInfo.InvariantCulture) } : Read(Get(value, path[0]), path.Skip(1).ToArray());
    }

    static object Get(object value, string name)
    {
        return value.GetType().GetProperty(name).GetValue(value, null);
    }

    static void Set(object value, string name, object content)
    {
        value.GetType().GetProperty(name).SetValue(value, content, null);
    }
}

/// <summary>Keeps the bytes of the last answer; named in Client.exe.config.</summary>
public sealed class Keeping : SoapExtension
{
    public static byte[] Answer;
    Stream wire, read;

    public override Stream ChainStream(Stream stream)
    {
        wire = stream;
        return read = new MemoryStream();
    }

    public override void ProcessMessage(SoapMessage message)
    {
        if (message.Stage == SoapMessageStage.AfterSerialize)
        {
            read.Position = 0;
            read.CopyTo(wire);
        }
        else if (message.Stage == SoapMessageStage.BeforeDeserialize)
        {
            wire.CopyTo(read);
            read.Position = 0;
            Answer = ((MemoryStream)read).ToArray();
        }
    }

    public override object GetInitializer(Type service)
    {
        return null;
    }

    public override object GetInitializer(LogicalMethodInfo method, SoapExtensionAttribute attribute)
    {
        return null;
    }

    public override void Initialize(object initializer)
    {
    }
}
