namespace IommuKit.Specs.RiscV;

/// <summary>Second stage, five levels, 59 bits (iohgatp.MODE = 10).</summary>
public readonly struct Sv57x4 : IRiscVMode
{
    /// <inheritdoc/>
    public static string Name => "sv57x4";

    /// <inheritdoc/>
    public static int TopLevel => 4;

    /// <inheritdoc/>
    public static bool IsSecondStage => true;
}
