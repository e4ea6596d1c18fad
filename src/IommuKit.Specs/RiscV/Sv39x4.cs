namespace IommuKit.Specs.RiscV;

/// <summary>Second stage, three levels, 41 bits (iohgatp.MODE = 8).</summary>
public readonly struct Sv39x4 : IRiscVMode
{
    /// <inheritdoc/>
    public static string Name => "sv39x4";

    /// <inheritdoc/>
    public static int TopLevel => 2;

    /// <inheritdoc/>
    public static bool IsSecondStage => true;
}
