using System.Reflection;
using System.Xml.Linq;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Specs.Tegra;
using IommuKit.Traces;

namespace IommuKit.Cli.Tests.Architecture;

/// <summary>Who may know whom.</summary>
public class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["IommuKit.Specs"] = [],
        ["IommuKit"] = ["IommuKit.Specs"],
        ["IommuKit.Models"] = ["IommuKit.Specs"],
        ["IommuKit.Linux"] = ["IommuKit", "IommuKit.Specs"],
        ["IommuKit.Traces"] = ["IommuKit.Specs"],
        ["IommuKit.Lab"] = ["IommuKit", "IommuKit.Models", "IommuKit.Traces"],
        ["IommuKit.Checker"] = ["IommuKit.Lab"],
        ["IommuKit.Analysis"] = ["IommuKit.Checker", "IommuKit.Lab"],
        ["IommuKit.Cli"] = ["IommuKit.Analysis", "IommuKit.Checker", "IommuKit.Lab", "IommuKit.Linux"],
    };

    [Fact]
    public void Drivers_and_models_cannot_see_each_other()
    {
        OwnReferences(typeof(IommuDomain).Assembly).ShouldBe(["IommuKit.Specs"]);
        OwnReferences(typeof(DmaRequest).Assembly).ShouldBe(["IommuKit.Specs"]);
        OwnReferences(typeof(TegraSoc).Assembly).ShouldBeEmpty();
        OwnReferences(typeof(TraceReader).Assembly).ShouldBe(["IommuKit.Specs"]);
        OwnReferences(typeof(Machine).Assembly).ShouldBe(["IommuKit", "IommuKit.Models", "IommuKit.Specs", "IommuKit.Traces"], ignoreOrder: true);
    }

    [Fact]
    public void Projects_refer_only_to_what_they_may_know()
    {
        string[] projects = Directory.GetFiles(RepositoryFiles.InRepository("src"), "*.csproj", SearchOption.AllDirectories);
        projects.Length.ShouldBe(Allowed.Count);
        foreach (string project in projects)
        {
            string name = Path.GetFileNameWithoutExtension(project);
            var references = XDocument.Load(project).Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
            references.ShouldBeSubsetOf(Allowed[name]);
        }
    }

    [Fact]
    public void Specs_and_engine_and_models_need_no_package()
    {
        foreach (string name in (string[])["IommuKit.Specs", "IommuKit", "IommuKit.Models"])
        {
            var project = XDocument.Load(RepositoryFiles.InRepository("src", name, $"{name}.csproj"));
            project.Descendants("PackageReference").ShouldBeEmpty();
            project.Descendants("TargetFrameworks").Single().Value.ShouldBe("net8.0;net10.0");
        }
    }

    private static IEnumerable<string> OwnReferences(Assembly assembly) =>
        assembly.GetReferencedAssemblies().Select(reference => reference.Name!).Where(name => name.StartsWith("IommuKit"));
}
