using System.Reflection;

namespace IommuKit.Cli.Tests.Architecture;

/// <summary>Namespaces use each other in one direction.</summary>
public class NamespaceTests
{
    public static TheoryData<string> Assemblies =>
    [
        .. Directory.GetDirectories(RepositoryFiles.InRepository("src"), "IommuKit*").Select(folder => Path.GetFileName(folder)!),
    ];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Namespaces_have_no_cycles(string assembly)
    {
        var uses = TypeUses.BetweenNamespaces(Assembly.Load(assembly));
        uses.ShouldNotBeEmpty();
        var inCircles = uses.Keys.Where(name => Reachable(uses, name).Contains(name));
        inCircles.ShouldBeEmpty();
    }

    [Fact]
    public void A_use_is_seen_in_a_declaration_and_in_code()
    {
        var uses = TypeUses.BetweenNamespaces(typeof(CommandLine).Assembly);
        uses["IommuKit.Cli.Commands"].ShouldContain("IommuKit.Cli.Output");
        uses["IommuKit.Cli.HostTime"].ShouldBeEmpty();
    }

    private static HashSet<string> Reachable(IReadOnlyDictionary<string, IReadOnlySet<string>> uses, string start)
    {
        var found = new HashSet<string>();
        var next = new Stack<string>(uses[start]);
        while (next.TryPop(out string? name))
        {
            if (found.Add(name) && uses.TryGetValue(name, out var more))
            {
                foreach (string further in more)
                {
                    next.Push(further);
                }
            }
        }

        return found;
    }
}
