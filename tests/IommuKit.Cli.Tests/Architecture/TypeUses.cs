using System.Reflection;
using System.Reflection.Emit;

namespace IommuKit.Cli.Tests.Architecture;

/// <summary>Which types of an assembly use which others of it, in their declarations and in their code.</summary>
internal static class TypeUses
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    /// <summary>The namespaces that each namespace of the assembly uses.</summary>
    public static IReadOnlyDictionary<string, IReadOnlySet<string>> BetweenNamespaces(Assembly assembly)
    {
        var uses = new Dictionary<string, IReadOnlySet<string>>();
        var own = assembly.GetTypes().Where(type => type.Namespace?.StartsWith("IommuKit", StringComparison.Ordinal) == true);
        foreach (var group in own.GroupBy(type => type.Namespace!))
        {
            uses[group.Key] = group.SelectMany(Of)
                .SelectMany(Parts)
                .Where(used => used.Assembly == assembly && used.Namespace != group.Key)
                .Select(used => used.Namespace)
                .OfType<string>()
                .Where(name => name.StartsWith("IommuKit", StringComparison.Ordinal))
                .ToHashSet();
        }

        return uses;
    }

    private static IEnumerable<Type> Of(Type type)
    {
        var declared = type.GetFields(All).Select(field => field.FieldType)
            .Concat(type.GetInterfaces())
            .Concat(type.GetCustomAttributesData().Select(attribute => attribute.AttributeType));
        var methods = type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All));
        return declared.Concat(type.BaseType is { } parent ? [parent] : []).Concat(methods.SelectMany(Of));
    }

    private static IEnumerable<Type> Of(MethodBase method)
    {
        foreach (var parameter in method.GetParameters())
        {
            yield return parameter.ParameterType;
        }

        if (method is MethodInfo info)
        {
            yield return info.ReturnType;
        }

        if (method.GetMethodBody() is not { } body)
        {
            yield break;
        }

        foreach (var local in body.LocalVariables)
        {
            yield return local.LocalType;
        }

        foreach (int token in Tokens(body.GetILAsByteArray()!))
        {
            var member = method.Module.ResolveMember(
                token, method.DeclaringType!.GetGenericArguments(), method.IsGenericMethod ? method.GetGenericArguments() : null);
            if (member is Type type)
            {
                yield return type;
            }
            else if (member?.DeclaringType is { } declaring)
            {
                yield return declaring;
            }

            if (member is MethodInfo { IsGenericMethod: true } generic)
            {
                foreach (var argument in generic.GetGenericArguments())
                {
                    yield return argument;
                }
            }
        }
    }

    /// <summary>The tokens of types, fields and methods in a method's code.</summary>
    private static IEnumerable<int> Tokens(byte[] il)
    {
        for (int at = 0; at < il.Length;)
        {
            short value = il[at++];
            if (value == 0xfe)
            {
                value = (short)(0xfe00 | il[at++]);
            }

            var code = Codes[value];
            switch (code.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    yield return BitConverter.ToInt32(il, at);
                    at += 4;
                    break;
                case OperandType.InlineSwitch:
                    at += 4 + (4 * BitConverter.ToInt32(il, at));
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    at += 8;
                    break;
                case OperandType.InlineVar:
                    at += 2;
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    at++;
                    break;
                case OperandType.InlineNone:
                    break;
                default:
                    at += 4;
                    break;
            }
        }
    }

    /// <summary>A type with what it is made of: elements and arguments.</summary>
    private static IEnumerable<Type> Parts(Type type)
    {
        if (type.HasElementType)
        {
            return Parts(type.GetElementType()!);
        }

        return type.IsGenericType && !type.IsGenericTypeDefinition
            ? type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition())
            : [type];
    }
}
