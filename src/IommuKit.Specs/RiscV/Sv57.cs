namespace IommuKit.Specs.RiscV;

/// <summary>First stage, five levels, 57 bits (iosatp.MODE = 10).</summary>
public readonly struct Sv57 : IRiscVMode
{
    /// <inheritdoc/>
    public static string Name => "sv57";

    /// <inheritdoc/>
    public static int TopLevel => 4;

    /// <inheritdoc/>
    public static bool IsSecondStage => false;
}
