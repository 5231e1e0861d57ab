using System;
using System.Linq;
using System.Web.Services;
using System.Web.Services.Description;

/// <summary>
/// .NET's own check of WS-I Basic Profile 1.1. Usage: Conformance WSDL...; per file the numbers that are broken, or "clean".
/// </summary>
static class Conformance
{
    static void Main(string[] arguments)
    {
        foreach (var file in arguments)
        {
            var violations = new BasicProfileViolationCollection();
            bool clean = WebServicesInteroperability.CheckConformance(WsiProfiles.BasicProfile1_1, ServiceDescription.Read(file), violations);
            var numbers = violations.Cast<BasicProfileViolation>().Select(one => one.NormativeStatement).Distinct();
            Console.WriteLine(clean ? "clean" : string.Join(" ", numbers));
        }
    }
}
