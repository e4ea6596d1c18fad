namespace IommuKit.Specs.RiscV;

/// <summary>First stage, three levels, 39 bits (iosatp.MODE = 8).</summary>
public readonly struct Sv39 : IRiscVMode
{
    /// <inheritdoc/>
    public static string Name => "sv39";

    /// <inheritdoc/>
    public static int TopLevel => 2;

    /// <inheritdoc/>
    public static bool IsSecondStage => false;
}
