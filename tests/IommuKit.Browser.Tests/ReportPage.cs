using Microsoft.Playwright;

namespace IommuKit.Browser.Tests;

/// <summary>A report open in the browser, with everything that the browser had to say about it.</summary>
internal sealed class ReportPage
{
    private static readonly Lazy<string> Checks = new(LoadChecks);

    private ReportPage(IPage page)
    {
        Page = page;
    }

    public IPage Page { get; }

    /// <summary>Messages in the console, errors and dialogs.</summary>
    public List<string> Complaints { get; } = [];

    /// <summary>Whatever was asked for beside the file itself.</summary>
    public List<string> Requests { get; } = [];

    public static async Task<ReportPage> OpenAsync(IBrowser browser, string file, int width, ColorScheme scheme)
    {
        var context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            ViewportSize = new ViewportSize { Width = width, Height = 900 },
            ColorScheme = scheme,
        });
        string address = new Uri(file).AbsoluteUri;
        var opened = new ReportPage(await context.NewPageAsync());
        opened.Page.Console += (_, message) => opened.Complaints.Add(message.Text);
        opened.Page.PageError += (_, error) => opened.Complaints.Add(error);
        opened.Page.Dialog += async (_, dialog) =>
        {
            opened.Complaints.Add(dialog.Message);
            await dialog.DismissAsync();
        };
        opened.Page.Request += (_, request) => opened.Requests.Add(request.Url);
        await opened.Page.GotoAsync(address);
        opened.Requests.Remove(address);
        return opened;
    }

    /// <summary>Runs one of the checks in the page.</summary>
    public Task<T> AskAsync<T>(string check) => Page.EvaluateAsync<T>($"{Checks.Value}.{check}()");

    private static string LoadChecks()
    {
        using var reader = new StreamReader(typeof(ReportPage).Assembly.GetManifestResourceStream("page-checks.js")!);
        string text = reader.ReadToEnd();
        return text[text.IndexOf("(()", StringComparison.Ordinal)..].TrimEnd();
    }
}
