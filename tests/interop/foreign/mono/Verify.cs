using System;
using System.IO;
using System.Security.Cryptography.X509Certificates;

/// <summary>Usage: Verify CERTIFICATE PROFILE=FILE...; prints true or false for each file.</summary>
static class Verify
{
    static void Main(string[] arguments)
    {
        var certificate = new X509Certificate2(arguments[0]);
        for (int index = 1; index < arguments.Length; index++)
        {
            var asked = arguments[index].Split(new[] { '=' }, 2);
            Console.WriteLine(Seal.Holds(File.ReadAllBytes(asked[1]), certificate, asked[0]) ? "true" : "false");
        }
    }
}
