namespace IommuKit.Browser.Tests;

/// <summary>A theory in a real browser, which is left out where there is none.</summary>
internal sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute()
    {
        Skip = Chromium.WhyLeftOut;
    }
}
