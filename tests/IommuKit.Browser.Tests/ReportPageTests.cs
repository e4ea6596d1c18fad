using IommuKit.Cli.Tests;
using Microsoft.Playwright;

namespace IommuKit.Browser.Tests;

/// <summary>The report as people see it: wide and on a phone, light and dark, on paper, and with words in place of pictures.</summary>
public sealed class ReportPageTests(ReportFixture fixture) : IClassFixture<ReportFixture>
{
    private const int Phone = 390;
    private const int Desk = 1440;

    // A4 between its margins of 14 mm, at 96 pixels to the inch.
    private const int Paper = 688;

    [BrowserTheory]
    [InlineData(Desk, ColorScheme.Light)]
    [InlineData(Desk, ColorScheme.Dark)]
    [InlineData(Phone, ColorScheme.Light)]
    [InlineData(Phone, ColorScheme.Dark)]
    public async Task It_fits_is_legible_and_asks_for_nothing(int width, ColorScheme scheme)
    {
        var page = await OpenAsync(fixture.File, width, scheme);
        await page.Page.EvaluateAsync("document.querySelectorAll('details').forEach(details => details.open = true)");
        int[] widths = await page.AskAsync<int[]>("overflow");
        widths[0].ShouldBe(widths[1]);
        widths[1].ShouldBe(width);
        (await page.AskAsync<int>("texts")).ShouldBeGreaterThan(500);
        (await page.AskAsync<string[]>("contrast")).ShouldBeEmpty();
        (await page.AskAsync<string[]>("chartTexts")).ShouldBeEmpty();
        (await page.AskAsync<string[]>("cutWithoutHint")).ShouldBeEmpty();
        page.Complaints.ShouldBeEmpty();
        page.Requests.ShouldBeEmpty();
    }

    [BrowserTheory]
    [InlineData(Desk, ColorScheme.Light)]
    [InlineData(Phone, ColorScheme.Dark)]
    public async Task The_page_of_2015_is_legible_too(int width, ColorScheme scheme)
    {
        string file = Path.Combine(fixture.Folder, $"seed-{width}.html");
        Command.Succeed("report", "--resamples", "20", "-o", file);
        var page = await OpenAsync(file, width, scheme);
        (await page.Page.InnerTextAsync("#summary")).ShouldContain("25.9× faster");
        await page.Page.EvaluateAsync("document.querySelectorAll('details').forEach(details => details.open = true)");
        int[] widths = await page.AskAsync<int[]>("overflow");
        widths[0].ShouldBe(widths[1]);
        (await page.AskAsync<string[]>("contrast")).ShouldBeEmpty();
        (await page.AskAsync<string[]>("chartTexts")).ShouldBeEmpty();
        (await page.AskAsync<string[]>("cutWithoutHint")).ShouldBeEmpty();
        (await page.AskAsync<string[]>("chartsWithoutTable")).ShouldBeEmpty();
        page.Complaints.ShouldBeEmpty();
        page.Requests.ShouldBeEmpty();
    }

    [BrowserFact]
    public async Task Light_and_dark_differ()
    {
        var light = await OpenAsync(fixture.File, Desk, ColorScheme.Light);
        var dark = await OpenAsync(fixture.File, Desk, ColorScheme.Dark);
        const string Background = "getComputedStyle(document.body).backgroundColor";
        (await light.Page.EvaluateAsync<string>(Background)).ShouldBe("rgb(255, 255, 255)");
        (await dark.Page.EvaluateAsync<string>(Background)).ShouldNotBe("rgb(255, 255, 255)");
    }

    [BrowserFact]
    public async Task Every_chart_has_words_and_a_table_and_headings_are_a_tree()
    {
        var page = await OpenAsync(fixture.File, Desk, ColorScheme.Light);
        int[] levels = await page.AskAsync<int[]>("headingLevels");
        levels.Count(level => level == 1).ShouldBe(1);
        levels[0].ShouldBe(1);
        levels.Zip(levels.Skip(1)).ShouldAllBe(pair => pair.Second <= pair.First + 1);
        (await page.AskAsync<int>("charts")).ShouldBeGreaterThan(10);
        (await page.AskAsync<int>("unnamedCharts")).ShouldBe(0);
        (await page.AskAsync<string[]>("chartsWithoutTable")).ShouldBeEmpty();
        (await page.AskAsync<string[]>("repeatedIds")).ShouldBeEmpty();
        (await page.AskAsync<string[]>("brokenLinks")).ShouldBeEmpty();
        (await page.AskAsync<string[]>("foreign")).ShouldBeEmpty();
    }

    [BrowserFact]
    public async Task On_paper_every_table_is_open_and_the_pages_are_white()
    {
        var page = await OpenAsync(fixture.File, Desk, ColorScheme.Dark);
        int tables = await page.AskAsync<int>("tables");
        (await page.AskAsync<int>("hiddenTables")).ShouldBeGreaterThan(tables / 2);
        await page.Page.EmulateMediaAsync(new PageEmulateMediaOptions { Media = Media.Print });
        await page.Page.SetViewportSizeAsync(Paper, 1000);
        (await page.AskAsync<int>("hiddenTables")).ShouldBe(0);
        (await page.AskAsync<string[]>("wideTables")).ShouldBeEmpty();
        (await page.AskAsync<string[]>("contrast")).ShouldBeEmpty();
        (await page.Page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor")).ShouldBe("rgb(255, 255, 255)");
        byte[] pdf = await page.Page.PdfAsync(new PagePdfOptions { Format = "A4" });
        pdf.AsSpan(0, 5).ToArray().ShouldBe("%PDF-"u8.ToArray());
        pdf.Length.ShouldBeGreaterThan(50_000);
    }

    [BrowserFact]
    public async Task Names_that_look_like_markup_are_names()
    {
        const string Title = "</title><script>alert(1)</script><img src=x onerror=alert(2)>";
        string trace = Path.Combine(fixture.Folder, "\"><img src=x onerror=alert(3)>'&amp;\u202e.trace");
        File.WriteAllText(
            trace, "  a<script>-1 [000] d..1. 1.000000: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x80000000 size=4096\n<script>alert(4)</script>\n");
        string file = Path.Combine(fixture.Folder, "hostile.html");
        Command.Succeed("report", trace, "-p", "Gather", "--resamples", "20", "--title", Title, "-o", file);
        var page = await OpenAsync(file, Phone, ColorScheme.Light);
        (await page.Page.TitleAsync()).ShouldBe(Title);
        (await page.AskAsync<string[]>("foreign")).ShouldBeEmpty();
        (await page.Page.InnerTextAsync("header")).ShouldContain("onerror=alert(3)>'&amp;\ufffd.trace");
        int[] widths = await page.AskAsync<int[]>("overflow");
        widths[0].ShouldBe(widths[1]);
        page.Complaints.ShouldBeEmpty();
        page.Requests.ShouldBeEmpty();
    }

    private Task<ReportPage> OpenAsync(string file, int width, ColorScheme scheme) => ReportPage.OpenAsync(fixture.Browser, file, width, scheme);
}
