using IommuKit.Cli.Tests;
using Microsoft.Playwright;

namespace IommuKit.Browser.Tests;

/// <summary>A report of everything that there is to report, made once, and a browser.</summary>
public sealed class ReportFixture : IAsyncLifetime
{
    private IPlaywright? _playwright;

    /// <summary>Where files go.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("iommukit").FullName;

    /// <summary>The report.</summary>
    public string File => Path.Combine(Folder, "report.html");

    /// <summary>The browser; only where there is one.</summary>
    public IBrowser Browser { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (Chromium.Path is null)
        {
            return;
        }

        string[] traces = ["nvme-seq-strict", "e1000e-counter-lazy-qi", "vfio-edu"];
        Command.Succeed(["report", .. traces.Select(name => RepositoryFiles.InRepository("samples", $"{name}.trace.gz")), "--check", "-o", File]);
        _playwright = await Playwright.CreateAsync();
        Browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Chromium.Path,

            // Root, which builds often run as, has no sandbox; the page is our own.
            Args = ["--no-sandbox"],
        });
    }

    public async Task DisposeAsync()
    {
        if (_playwright is not null)
        {
            await Browser.CloseAsync();
            _playwright.Dispose();
        }

        Directory.Delete(Folder, recursive: true);
    }
}
