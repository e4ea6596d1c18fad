namespace IommuKit.Specs.RiscV;

/// <summary>Second stage, four levels, 50 bits (iohgatp.MODE = 9).</summary>
public readonly struct Sv48x4 : IRiscVMode
{
    /// <inheritdoc/>
    public static string Name => "sv48x4";

    /// <inheritdoc/>
    public static int TopLevel => 3;

    /// <inheritdoc/>
    public static bool IsSecondStage => true;
}
