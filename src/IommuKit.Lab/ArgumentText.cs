namespace IommuKit.Lab;

/// <summary>What an argument was refused for, in a sentence for a user, who named no parameter of a method.</summary>
internal static class ArgumentText
{
    /// <summary>The message without the name of the parameter, and without its full stop.</summary>
    public static string Of(ArgumentException refusal) => refusal.Message.Split(" (Parameter")[0].TrimEnd('.');
}
