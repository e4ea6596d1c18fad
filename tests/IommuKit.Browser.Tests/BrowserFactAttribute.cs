namespace IommuKit.Browser.Tests;

/// <summary>A test in a real browser, which is left out where there is none.</summary>
internal sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        Skip = Chromium.WhyLeftOut;
    }
}
