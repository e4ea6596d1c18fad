using System.Text.Json;

namespace IommuKit.Lab.Machines;

/// <summary>All kinds of operation and all purposes, and their names in files and outputs.</summary>
public static class OperationKinds
{
    private static readonly string[] Names = [.. Enum.GetNames<OperationKind>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)];
    private static readonly string[] PurposeNames = [.. Enum.GetNames<OperationPurpose>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)];

    /// <summary>All kinds, in order.</summary>
    public static IReadOnlyList<OperationKind> All { get; } = Enum.GetValues<OperationKind>();

    /// <summary>The purposes that something can have: all but <see cref="OperationPurpose.None"/>.</summary>
    public static IReadOnlyList<OperationPurpose> Purposes { get; } =
        [.. Enum.GetValues<OperationPurpose>().Where(purpose => purpose != OperationPurpose.None)];

    /// <summary>How files and outputs name a kind: "register_write".</summary>
    public static string NameOf(OperationKind kind) => Names[(int)kind];

    /// <summary>How outputs name a purpose: "table_cache".</summary>
    public static string NameOf(OperationPurpose purpose) => PurposeNames[(int)purpose];

    /// <summary>The kind of a name; null if there is none.</summary>
    public static OperationKind? Find(string name) => Array.IndexOf(Names, name) is >= 0 and var index ? (OperationKind)index : null;

    /// <summary>The purpose of a name; null if there is none.</summary>
    public static OperationPurpose? FindPurpose(string name) =>
        Array.IndexOf(PurposeNames, name) is >= 0 and var index ? (OperationPurpose)index : null;

    /// <summary>
    /// Whether a kind only says how others come together, which count by themselves. Fits leave tallies out: their times would be counted twice.
    /// </summary>
    public static bool IsTally(this OperationKind kind) => kind is OperationKind.CleanCall or OperationKind.Wait;

    /// <summary>Whether operations of a kind are counted by what they are for.</summary>
    public static bool HasPurpose(this OperationKind kind) =>
        kind is OperationKind.RegisterWrite or OperationKind.RegisterRead or OperationKind.Command;

    /// <summary>Whether a kind passes between driver and hardware, so that a <see cref="Meter"/> counts it; domains count the others.</summary>
    public static bool IsOfHardware(this OperationKind kind) => kind is OperationKind.LineCleaned or OperationKind.CleanCall
        or OperationKind.Barrier or OperationKind.RegisterWrite or OperationKind.RegisterRead or OperationKind.Command or OperationKind.Doorbell
        or OperationKind.Request;
}
