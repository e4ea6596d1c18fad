using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>What an IOMMU is configured to do, from the command line.</summary>
public sealed class InspectCommandTests : IDisposable
{
    private static readonly string Boot = RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-sm-fs");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_boot_that_is_right_ends_with_0_and_its_devices_are_there()
    {
        var (code, output, _) = Command.Run("inspect", Boot, "--json");
        code.ShouldBe(0);
        var states = JsonDocument.Parse(output).RootElement.EnumerateArray().ToList();
        states.Count.ShouldBeGreaterThan(1);
        states.ShouldAllBe(state => state.GetProperty("wrong").GetInt64() == 0 && state.GetProperty("iommu").GetString() == "vtd");
        states[0].GetProperty("sources").EnumerateArray().ShouldContain(source => source.GetProperty("how").GetString() == "first stage");
        string screen = Command.Run("inspect", Boot, "--snapshot", "boot").Output;
        screen.ShouldContain("Nothing is wrong by the rules of a hand-over.");
        screen.ShouldContain("first stage");
    }

    [Fact]
    public void A_state_in_files_is_read_and_what_is_wrong_with_it_ends_with_1()
    {
        // A root table at 0x1000 without entries; TES is on, QIES is not.
        string registers = Write("registers.txt", "I 8 8 d2008c222f0686 CAP\nI 10 8 f00f5e ECAP\nS 1c 4 c0000000 GSTS\nW 20 8 1000 RTADDR\n");
        string memory = Path.Combine(_folder.FullName, "memory.raw");
        File.WriteAllBytes(memory, new byte[0x1000]);
        var (code, output, _) = Command.Run("inspect", "--registers", registers, "--memory", $"{memory}@1000");
        code.ShouldBe(1);
        output.ShouldContain("wrong, commands");
        output.ShouldContain("QIES of GSTS is 0");
        Command.Run("inspect", "--registers", registers, "--memory", memory).Output.ShouldContain("there is no memory at 0x1000, where the root table is");
    }

    [Fact]
    public void What_cannot_be_used_is_refused()
    {
        Command.Refuse("inspect").ShouldContain("name a recorded boot, or --registers with --memory");
        Command.Refuse("inspect", Boot, "--snapshot", "none").ShouldContain("there is no snapshot \"none\"");
        Command.Refuse("inspect", Boot, "--reserved", "9-1").ShouldContain("is no range of hexadecimal addresses");
        Command.Refuse("inspect", _folder.FullName).ShouldContain("there is no recorded boot");
        string odd = Write("odd.txt", "hello\n");
        Command.Refuse("inspect", "--registers", odd, "--memory", odd).ShouldContain("odd.txt:1");
        Command.Refuse("inspect", "--registers", "nowhere", "--memory", odd).ShouldContain("nowhere");
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
