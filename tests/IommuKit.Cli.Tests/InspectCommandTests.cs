using System.Buffers.Binary;
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

    /// <summary>A stream that bypasses is to be known; with --no-bypass it is wrong, and the exit code says so.</summary>
    [Fact]
    public void A_device_that_passes_untranslated_is_wrong_if_that_is_asked()
    {
        string boot = RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-legacy-pt");
        foreach (bool isStrict in new[] { false, true })
        {
            string[] line = ["inspect", boot, "--json", .. isStrict ? ["--no-bypass"] : Array.Empty<string>()];
            var (code, output, _) = Command.Run(line);
            code.ShouldBe(isStrict ? 1 : 0);
            var findings = JsonDocument.Parse(output).RootElement.EnumerateArray()
                .SelectMany(state => state.GetProperty("findings").EnumerateArray())
                .Where(finding => finding.GetProperty("rule").GetString() == "bypass").ToList();
            findings.ShouldNotBeEmpty();
            findings.ShouldAllBe(finding => finding.GetProperty("wrong").GetBoolean() == isStrict);
        }
    }

    /// <summary>A page table whose every entry points to itself has more ways through it than memory has room for: what is not followed is said.</summary>
    [Theory]
    [InlineData(1, "in it and in those after it was not looked at")]
    [InlineData(256, "65536 devices and PASIDs were looked at: if there are more, they were not")]
    public void Tables_without_an_end_are_cut_and_end_with_1(int devices, string said)
    {
        const ulong table = 0x1000;
        const ulong root = 0x2000;
        const ulong contexts = 0x3000;
        string registers = Write("registers.txt", "I 8 8 80d2008c222f0606\nI 10 8 f00f4a\nW 20 8 2000\nS 1c 4 c0000000\n");
        byte[] memory = new byte[0x4000];
        for (int entry = 0; entry < 512; entry++)
        {
            Store(table + ((ulong)entry * 8), table | 3);
        }

        for (int device = 0; device < devices; device++)
        {
            Store(root + ((ulong)device * 16), contexts | 1);
            Store(contexts + ((ulong)device * 16), table | 1);
            Store(contexts + ((ulong)device * 16) + 8, 2 | (1 << 8));
        }

        string raw = Path.Combine(_folder.FullName, "memory.raw");
        File.WriteAllBytes(raw, memory);
        var (code, output, _) = Command.Run("inspect", "--registers", registers, "--memory", raw, "--json");
        code.ShouldBe(1);
        var state = JsonDocument.Parse(output).RootElement.EnumerateArray().Single();
        state.GetProperty("cut").GetBoolean().ShouldBeTrue();
        state.GetProperty("findings").EnumerateArray().ShouldContain(finding =>
            finding.GetProperty("rule").GetString() == "tables" && finding.GetProperty("what").GetString()!.EndsWith(said));
        state.GetProperty("sources").EnumerateArray().Max(source => source.GetProperty("tables").GetInt64()).ShouldBeLessThanOrEqualTo(1 << 18);

        void Store(ulong address, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(memory.AsSpan((int)address), value);
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
