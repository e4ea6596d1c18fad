namespace IommuKit.Linux;

/// <summary>Whether this is Linux: asked by what is used first, and by nothing that is loaded.</summary>
internal static class HostPlatform
{
    private static readonly AsyncLocal<bool> s_isElsewhere = new();

    /// <summary>Has what runs from here on be told that it runs elsewhere: for tests of that.</summary>
    public static bool IsElsewhere
    {
        set => s_isElsewhere.Value = value;
    }

    /// <summary>Fails where there is no Linux.</summary>
    /// <param name="what">Who needs it, as the beginning of a sentence: "Memory for devices is taken from".</param>
    /// <exception cref="PlatformNotSupportedException">This machine does not run Linux.</exception>
    public static void Require(string what)
    {
        if (!OperatingSystem.IsLinux() || s_isElsewhere.Value)
        {
            throw new PlatformNotSupportedException($"{what} Linux, which does not run here.");
        }
    }
}
