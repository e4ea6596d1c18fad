using System.Globalization;
using System.Text;
using System.Text.Json;
using IommuKit.Cli.Output;
using IommuKit.Traces;

namespace IommuKit.Cli.Tests;

/// <summary>
/// Names may hold anything that a file system takes; what is printed must not work on the terminal, page or spreadsheet that shows it.
/// </summary>
public sealed class HostileNameTests : IDisposable
{
    private const string Name = "=a\u001b]0;t\a\u001b[31m\u0085\u009b\u202e\u2066\u200b\u2028\nfake: line\r.trace";

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [UnixFact]
    public void Nothing_of_a_name_works_on_who_looks_at_it()
    {
        foreach (string format in (string[])["", "--markdown", "--csv"])
        {
            Try(format);
        }
    }

    private void Try(string format)
    {
        string trace = Path.Combine(_folder, Name);
        File.WriteAllText(trace, "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096\n");
        string[] options = format.Length == 0 ? [] : [format];
        foreach (string[] command in (string[][])[["replay", trace, "-p", "Gather"], ["explain", trace, "--resamples", "20"], ["audit", trace]])
        {
            var (code, output, error) = Command.Run([.. command, .. options]);
            code.ShouldBe(0, error);
            ShouldBePlain(output);
            output.ShouldNotContain("\nfake");
        }

        var missing = Command.Run("replay", trace + "\u001b[2J");
        missing.Code.ShouldBe(2);
        ShouldBePlain(missing.Error);
        missing.Error.TrimEnd('\n').ShouldNotContain("\n");
    }

    /// <summary>JSON has the name as it is, in characters that can be seen.</summary>
    [UnixFact]
    public void Programs_get_the_whole_name()
    {
        string trace = Path.Combine(_folder, Name + "\U000e0041\u061c");
        File.WriteAllText(trace, "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096\n");
        string output = Command.Succeed("replay", trace, "-p", "Gather", "--jsonl");
        ShouldBePlain(output);
        using var json = JsonDocument.Parse(output);
        json.RootElement.GetProperty("file").GetString().ShouldBe(trace);
    }

    [UnixFact]
    public void Nothing_of_a_name_or_title_works_in_a_report()
    {
        string trace = Path.Combine(_folder, "a\u200b\u061c\u2028b.trace");
        File.WriteAllText(trace, "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096\n");
        string report = Path.Combine(_folder, "report.html");
        Command.Run("report", trace, "-p", "PerPage,Gather", "--resamples", "20", "--title", "a\u202eb", "-o", report).Code.ShouldBe(0);
        ShouldBePlain(File.ReadAllText(report));
    }

    [UnixFact]
    public void Formulas_are_text_in_a_spreadsheet()
    {
        string trace = Path.Combine(_folder, "=1+1,x.trace");
        File.WriteAllText(trace, "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096\n");
        string costs = Path.Combine(_folder, "costs.json");
        Command.Succeed("calibrate", "--seed-table", "--resamples", "20", "--costs-out", costs);
        File.WriteAllText(costs, File.ReadAllText(costs).Replace("\"seed-table-fitted\"", "\"=HYPERLINK(1)\""));
        Command.Succeed("replay", trace, "-p", "Gather", "--costs", costs, "--csv").ShouldContain(",'=HYPERLINK(1)");
    }

    [UnixFact]
    public void A_formula_behind_a_blank_is_one_too()
    {
        var fields = new FieldList<string>("names") { { "name", "a name", name => name } };
        foreach (string name in (string[])[" =1+1", "\t@x", "=2"])
        {
            var text = new StringWriter();
            Csv.Write(text, fields, [name]);
            text.ToString().ShouldContain($"'{name.Replace('\t', ' ')}");
        }
    }

    [UnixFact]
    public void Nothing_of_a_name_is_markdown()
    {
        string trace = Path.Combine(_folder, "a|b`c`[x](javascript:1)<b>*d*.trace");
        File.WriteAllText(trace, "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096\n");
        string text = Command.Succeed("explain", trace, "--resamples", "20", "--markdown");
        text.ShouldContain(@"a\|b\`c\`\[x\](javascript:1)\<b>\*d\*.trace");
        text.ShouldNotContain("a|b");
    }

    [Theory]
    [InlineData("plain text µs – 3 × 4K", "plain text µs – 3 × 4K")]
    [InlineData("a\nb\tc\rd", "a b c d")]
    [InlineData("\u001b[31m", "\ufffd[31m")]
    [InlineData("\u202eabc\u2069", "\ufffdabc\ufffd")]
    [InlineData("\u009b1m\u0000\u007f", "\ufffd1m\ufffd\ufffd")]
    [InlineData("größe 数 🙂", "größe 数 🙂")]
    public void Text_is_shown_as_it_is_where_it_is_text(string text, string expected) => Printable.Of(text).ShouldBe(expected);

    [Fact]
    public void Half_of_a_character_is_none() => Printable.Of("a\ud800b").ShouldBe("a\ufffdb");

    private static void ShouldBePlain(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            (rune.Value == '\n' || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)).ShouldBeTrue($"U+{rune.Value:X4}");
        }
    }
}
