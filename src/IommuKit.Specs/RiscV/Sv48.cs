namespace IommuKit.Specs.RiscV;

/// <summary>First stage, four levels, 48 bits (iosatp.MODE = 9).</summary>
public readonly struct Sv48 : IRiscVMode
{
    /// <inheritdoc/>
    public static string Name => "sv48";

    /// <inheritdoc/>
    public static int TopLevel => 3;

    /// <inheritdoc/>
    public static bool IsSecondStage => false;
}
